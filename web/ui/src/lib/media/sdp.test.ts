import { describe, expect, it } from 'vitest';
import { answers, credentials, fragment, iceServers, withStartBitrate } from './sdp';

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

it('puts the start bit rate into every video codec, and nowhere else', () => {
  const answer = [
    ...['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10'],
    ...['m=video 9 UDP/TLS/RTP/SAVPF 96 97 98', 'a=rtpmap:96 VP8/90000', 'a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96'],
    ...['a=rtpmap:98 H264/90000', 'a=fmtp:98 packetization-mode=1', ''],
  ].join('\r\n');
  const tuned = withStartBitrate(answer, 1_000_000);
  expect(tuned.split('\r\n').filter((line) => line.startsWith('a=fmtp'))).toEqual([
    'a=fmtp:111 minptime=10',
    'a=fmtp:96 x-google-start-bitrate=1000',
    'a=fmtp:97 apt=96',
    'a=fmtp:98 packetization-mode=1;x-google-start-bitrate=1000',
  ]);
});
