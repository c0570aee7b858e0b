/** What the catalogues of all languages share. */

/** The forms of a word: one and many, or one, few and many where the language has three. */
export type Forms = [one: string, many: string] | [one: string, few: string, many: string];

/** Makes the function that counts in a language: "1 stream", "3 streams". */
export function plurals(language: string): (n: number, ...forms: Forms) => string {
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(language);
  return (n, ...forms) => {
    const rule = rules.select(n);
    const many = forms[forms.length - 1]!;
    return `${numbers.format(n)} ${rule === 'one' ? forms[0] : rule === 'few' ? forms[1] : many}`;
  };
}

/** Names of protocols; "web" has a word instead. */
const protocols: Record<string, string> = {
  rtsp: 'RTSP',
  rtsps: 'RTSPS',
  rtmp: 'RTMP',
  rtmps: 'RTMPS',
  srt: 'SRT',
  hls: 'HLS',
  whip: 'WebRTC (WHIP)',
  whep: 'WebRTC (WHEP)',
  webrtc: 'WebRTC',
  mpegts: 'MPEG-TS',
  ts: 'MPEG-TS',
  api: 'API',
};

/** The name of a protocol; webPage is the word for what browsers open. */
export const protocolName = (name: string, webPage: string) => (name === 'web' ? webPage : (protocols[name] ?? name.toUpperCase()));

export const transports = { webrtc: 'WebRTC', hls: 'HLS' };
