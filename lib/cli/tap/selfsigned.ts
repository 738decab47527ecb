// `npm run build` replaces this file by selfsigned itself, bundled: whoever installs the package installs nothing more for it.
export { generate } from 'selfsigned'
