'use strict';

// MusterReader plays a stream through WHEP and keeps trying.
//
//   new MusterReader({
//     url: 'https://server/name/whep',   // required
//     user: '', pass: '', token: '',     // optional credentials
//     onTrack: (event) => {},            // RTCTrackEvent
//     onDataChannel: (event) => {},      // RTCDataChannelEvent, label "KLV"
//     onNotice: (texts) => {},           // what the server left out, and why
//     onError: (text, final) => {},      // final: trying again is of no use
//   })
//
// close() ends it.
class MusterReader {
  constructor(conf) {
    this.conf = conf;
    this.retry = 0;
    this.closed = false;
    this.session = null;
    this.start();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.drop();
  }

  async start() {
    const run = {};
    this.run = run;
    try {
      const pc = new RTCPeerConnection({ iceServers: await this.servers() });
      if (this.closed || this.run !== run) { pc.close(); return; }
      this.pc = pc;
      pc.addTransceiver('video', { direction: 'recvonly' });
      pc.addTransceiver('audio', { direction: 'recvonly' });
      if (this.conf.onDataChannel) pc.createDataChannel(''); // asks for data: each association costs the server
      pc.ontrack = (e) => this.conf.onTrack?.(e);
      pc.ondatachannel = (e) => this.conf.onDataChannel?.(e);
      pc.onconnectionstatechange = () => {
        if (this.pc !== pc) return;
        if (pc.connectionState === 'connected') this.retry = 0;
        if (pc.connectionState === 'failed' || pc.connectionState === 'closed') this.fail('the connection was lost');
        if (pc.connectionState === 'disconnected') this.restartICE(pc);
      };
      const offer = await pc.createOffer();
      offer.sdp = MusterReader.stereo(offer.sdp);
      await pc.setLocalDescription(offer);
      const answer = await this.post(offer.sdp);
      if (this.closed || this.pc !== pc) return;
      await pc.setRemoteDescription({ type: 'answer', sdp: answer });
      // When the server ends the session, the browser shows it here at once.
      const dtls = pc.getTransceivers().map((t) => (t.receiver).transport).find(Boolean);
      if (dtls) dtls.onstatechange = () => { if (this.pc === pc && ['closed', 'failed'].includes(dtls.state)) this.fail('the stream ended'); };
    } catch (err) {
      if (this.run === run) this.fail(err.message, err.final);
    }
  }

  headers(more) {
    const h = { ...more };
    if (this.conf.user) h.Authorization = 'Basic ' + btoa(unescape(encodeURIComponent(this.conf.user + ':' + (this.conf.pass ?? ''))));
    else if (this.conf.token) h.Authorization = 'Bearer ' + this.conf.token;
    return h;
  }

  async servers() {
    const res = await fetch(this.conf.url, { method: 'OPTIONS', headers: this.headers({}) });
    return MusterReader.iceServers(res.headers.get('Link'));
  }

  async post(sdp) {
    const res = await fetch(this.conf.url, { method: 'POST', headers: this.headers({ 'Content-Type': 'application/sdp' }), body: sdp });
    if (res.status !== 201) throw await MusterReader.problem(res);
    this.session = new URL(res.headers.get('Location'), this.conf.url).toString();
    const notice = res.headers.get('Warning');
    this.conf.onNotice?.(notice ? [...notice.matchAll(/299 - "([^"]*)"/g)].map((m) => m[1]) : []);
    return res.text();
  }

  async restartICE(pc) {
    try {
      pc.restartIce();
      const offer = await pc.createOffer({ iceRestart: true });
      await pc.setLocalDescription(offer);
      const pick = (key) => offer.sdp.match(new RegExp('^a=' + key + ':(.*)$', 'm'))[1].trim();
      const res = await fetch(this.session, {
        method: 'PATCH', headers: this.headers({ 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' }),
        body: 'a=ice-ufrag:' + pick('ice-ufrag') + '\r\na=ice-pwd:' + pick('ice-pwd') + '\r\n',
      });
      if (res.status !== 200) throw await MusterReader.problem(res);
      const frag = await res.text();
      const sdp = MusterReader.withFragment(pc.currentRemoteDescription.sdp, frag);
      await pc.setRemoteDescription({ type: 'answer', sdp });
    } catch (err) {
      if (this.pc === pc) this.fail(err.message);
    }
  }

  drop() {
    const pc = this.pc;
    this.pc = null;
    if (pc) { pc.onconnectionstatechange = null; pc.close(); }
    if (this.session) fetch(this.session, { method: 'DELETE', keepalive: true, headers: this.headers({}) }).catch(() => {});
    this.session = null;
  }

  fail(text, final = false) {
    if (this.closed) return;
    this.run = null;
    this.drop();
    this.conf.onError?.(text, final);
    if (final) return;
    const wait = Math.min(1000 * 2 ** this.retry++, 10000);
    this.timer = setTimeout(() => this.start(), wait);
  }

  static async problem(res) {
    let text = 'the server answered ' + res.status;
    try { text = (await res.json()).detail ?? text; } catch { /* no explanation */ }
    const err = new Error(text);
    err.final = [400, 401, 403, 406].includes(res.status);
    return err;
  }

  static iceServers(link) {
    if (!link) return [];

    return [...link.matchAll(/<([^>]+)>; rel="ice-server"(?:; username="([^"]*)"; credential="([^"]*)"; credential-type="password")?/g)]
      .map((m) => (m[2] === undefined ? { urls: [m[1]] } : { urls: [m[1]], username: m[2], credential: m[3] }));
  }

  // Browsers play Opus in mono unless they ask for more.
  static stereo(sdp) {
    const pt = sdp.match(/^a=rtpmap:(\d+) opus\/48000\/2/im)?.[1];
    return pt ? sdp.replace(new RegExp('^(a=fmtp:' + pt + ' (?!.*stereo=).*?)\\r?$', 'm'), '$1;stereo=1\r') : sdp;
  }

  // withFragment puts the credentials and candidates of frag into an answer.
  static withFragment(sdp, frag) {
    const pick = (key) => frag.match(new RegExp('^a=' + key + ':(.*)$', 'm'))[1].trim();
    const candidates = frag.match(/^a=candidate:.*$/gm)?.map((l) => l.trim()) ?? [];
    let first = true;
    return sdp.split(/\r?\n/).filter((l) => !l.startsWith('a=candidate:') && l !== 'a=end-of-candidates').flatMap((l) => {
      if (l.startsWith('a=ice-ufrag:')) return ['a=ice-ufrag:' + pick('ice-ufrag')];
      if (l.startsWith('a=ice-pwd:')) {
        const out = ['a=ice-pwd:' + pick('ice-pwd')];
        if (first) out.push(...candidates);
        first = false;
        return out;
      }
      return [l];
    }).join('\r\n');
  }
}

window.MusterReader = MusterReader;
window.MediaMTXWebRTCReader = MusterReader; // pages written for that server work unchanged
