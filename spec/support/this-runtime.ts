/** What starts this runtime at a shell, with a program to run after it. Deno lets no program do anything by itself. */
export const THIS_RUNTIME = 'deno' in process.versions ? `${process.execPath} run -A` : process.execPath
