import { describe, expect, it } from 'vitest';
import { answers, credentials, fragment, iceServers } from './sdp';

describe('iceServers', () => {
  it('reads one, several, and those with credentials', () => {
    expect(iceServers('<stun:stun.example.org>; rel="ice-server"')).toEqual([{ urls: 'stun:stun.example.org' }]);
    expect(
      iceServers(
        '<turn:t.example.org?transport=udp>; rel="ice-server"; username="1700:a,b"; credential="x\\"y"; credential-type="password", <stun:s>; rel=ice-server, <https://x>; rel="other"',
      ),
    ).toEqual([{ urls: 'turn:t.example.org?transport=udp', username: '1700:a,b', credential: 'x"y' }, { urls: 'stun:s' }]);
  });
  it('has none without a header or with nonsense', () => {
    expect(iceServers(null)).toEqual([]);
    expect(iceServers(';;;,,"')).toEqual([]);
  });
});

const offer = 'v=0\r\na=group:BUNDLE 0 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=mid:0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n';

it('writes a trickle fragment', () => {
  expect(fragment(credentials(offer), ['candidate:1 1 udp 1 10.0.0.1 5 typ host'], true)).toBe(
    'a=ice-ufrag:abcd\r\na=ice-pwd:secret\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\na=end-of-candidates\r\n',
  );
});

describe('answers', () => {
  const section = (line: string, direction: string) => `v=0\r\n${line}\r\na=mid:0\r\na=${direction}\r\n`;
  it.each([
    [section('m=audio 9 UDP/TLS/RTP/SAVPF 111', 'sendonly'), true],
    [section('m=audio 9 UDP/TLS/RTP/SAVPF 111', 'inactive'), false],
    [section('m=audio 9 UDP/TLS/RTP/SAVPF 111', 'recvonly'), false],
    [section('m=audio 0 UDP/TLS/RTP/SAVPF 111', 'sendonly'), false],
    [section('m=video 9 UDP/TLS/RTP/SAVPF 96', 'sendonly'), false],
  ])('%j', (sdp, yes) => expect(answers(sdp, 'audio')).toBe(yes));
});
