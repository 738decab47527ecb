// A process that does nothing but start.

const { user, system } = process.cpuUsage()
console.log((user + system) / 1000)
