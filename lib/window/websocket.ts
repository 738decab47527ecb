// `npm run build` replaces this file by ws itself, bundled: whoever installs the package installs nothing more for it.
export { createWebSocketStream, WebSocketServer } from 'ws'
