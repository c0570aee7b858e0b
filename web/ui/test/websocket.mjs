/** The sending half of a WebSocket server (RFC 6455), as much as the mock needs: text out, close both ways. */
import { createHash } from 'node:crypto';

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function frame(opcode, payload) {
  const n = payload.length;
  const head =
    n < 126 ? Buffer.from([0x80 | opcode, n]) : n < 65536 ? Buffer.from([0x80 | opcode, 126, n >> 8, n & 255]) : Buffer.alloc(10);
  if (n >= 65536) {
    head[0] = 0x80 | opcode;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(n), 2);
  }
  return Buffer.concat([head, payload]);
}

/** Answers an upgrade request and returns {send, close, onclose}. */
export function accept(request, socket) {
  const key = createHash('sha1')
    .update(request.headers['sec-websocket-key'] + magic)
    .digest('base64');
  const protocol = request.headers['sec-websocket-protocol'];
  const spoken = protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : '';
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n${spoken}\r\n`,
  );
  const peer = {
    onclose: () => {},
    send: (value) => socket.writable && socket.write(frame(1, Buffer.from(JSON.stringify(value)))),
    close: () => socket.end(frame(8, Buffer.alloc(0))),
  };
  socket.on('data', (data) => {
    if ((data[0] & 0x0f) === 8) socket.end();
  });
  socket.on('error', () => {});
  socket.on('close', () => peer.onclose());
  return peer;
}
