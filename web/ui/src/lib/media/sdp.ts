/** The few things of SDP and of WHIP's HTTP that a browser leaves to us. Pure functions. */

/** One ICE server out of the Link headers of a WHIP or WHEP answer (RFC 9725 §4.6). */
export function iceServers(link: string | null): RTCIceServer[] {
  if (!link) return [];
  const servers: RTCIceServer[] = [];
  for (const part of splitLinks(link)) {
    const url = /^\s*<([^>]+)>/.exec(part)?.[1];
    if (!url || parameter(part, 'rel') !== 'ice-server') continue;
    const username = parameter(part, 'username');
    const credential = parameter(part, 'credential');
    servers.push(username && credential ? { urls: url, username, credential } : { urls: url });
  }
  return servers;
}

/** Splits at commas that are not inside quotes or angle brackets. */
function splitLinks(link: string): string[] {
  return link.match(/(?:<[^>]*>|"(?:\\.|[^"\\])*"|[^,<"])+/g) ?? [];
}

function parameter(link: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:\\\\.|[^"\\\\])*)"|([^;,\\s]+))`, 'i').exec(link);
  return match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2];
}

/** What a trickled candidate needs from the offer (RFC 8840 §9). */
export interface OfferCredentials {
  ufrag: string;
  pwd: string;
  /** The media section that the bundle is named after, "m=video 9 …" without its a= lines, and its mid. */
  media: string;
  mid: string;
}

export function credentials(sdp: string): OfferCredentials {
  const lines = sdp.split(/\r?\n/);
  const find = (prefix: string) => lines.find((line) => line.startsWith(prefix))?.slice(prefix.length) ?? '';
  return {
    ufrag: find('a=ice-ufrag:'),
    pwd: find('a=ice-pwd:'),
    media: lines.find((line) => line.startsWith('m=')) ?? 'm=video 9 UDP/TLS/RTP/SAVPF 0',
    mid: find('a=mid:') || '0',
  };
}

/** The body of a trickle PATCH (application/trickle-ice-sdpfrag). */
export function fragment(offer: OfferCredentials, candidates: string[], end: boolean): string {
  const lines = [`a=ice-ufrag:${offer.ufrag}`, `a=ice-pwd:${offer.pwd}`, offer.media, `a=mid:${offer.mid}`];
  for (const candidate of candidates) lines.push(`a=${candidate}`);
  if (end) lines.push('a=end-of-candidates');
  return lines.join('\r\n') + '\r\n';
}

/** True when the answer carries media of that kind towards us. */
export function answers(sdp: string, kind: 'audio' | 'video'): boolean {
  return sdp
    .split(/(?=^m=)/m)
    .filter((section) => section.startsWith(`m=${kind} `))
    .some((section) => !/^m=\w+ 0 /.test(section) && !/^a=(inactive|recvonly)\s*$/m.test(section));
}

/**
 * Lets the video encoder of the browser start at bps bits per second instead of 300 000. Chromium and
 * Safari read the parameter from the answer; others ignore it.
 */
export function withStartBitrate(sdp: string, bps: number): string {
  const parameter = `x-google-start-bitrate=${Math.round(bps / 1000)}`;
  const lines = sdp.split('\r\n');
  for (const [, type] of sdp.matchAll(/^a=rtpmap:(\d+) (?:H264|H265|VP8|VP9|AV1)\/90000/gim)) {
    const format = lines.findIndex((line) => line.startsWith(`a=fmtp:${type} `));
    if (format >= 0) lines[format] += `;${parameter}`;
    else lines.splice(lines.findIndex((line) => line.startsWith(`a=rtpmap:${type} `)) + 1, 0, `a=fmtp:${type} ${parameter}`);
  }
  return lines.join('\r\n');
}
