// One message after the other, each after the last one's answer.

/** The 50th and 99th percentile of so many round trips, in microseconds. */
export async function timeTrips(count, trip) {
  const times = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    const began = process.hrtime.bigint()
    await trip(i)
    times[i] = Number(process.hrtime.bigint() - began) / 1e3
  }
  times.sort()
  return { p50: times[count >> 1], p99: times[Math.floor(count * 0.99)] }
}
