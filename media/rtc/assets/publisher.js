'use strict';

// MusterPublisher sends a MediaStream through WHIP and keeps trying.
//
//   new MusterPublisher({
//     url: 'https://server/name/whip',  // required
//     stream: mediaStream,              // required
//     user: '', pass: '', token: '',    // optional credentials
//     videoCodec: 'h264',               // preferred; what the browser cannot do is left to it
//     videoBitrate: 2500,               // kbit/s
//     audioBitrate: 64,                 // kbit/s
//     onConnected: () => {},
//     onError: (text, final) => {},     // final: trying again is of no use
//   })
//
// close() ends it; the stream stays with its owner.
class MusterPublisher {
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
      for (const track of this.conf.stream.getTracks()) {
        const encoding = {};
        const rate = track.kind === 'video' ? this.conf.videoBitrate : this.conf.audioBitrate;
        if (rate) encoding.maxBitrate = rate * 1000;
        const tr = pc.addTransceiver(track, { direction: 'sendonly', streams: [this.conf.stream], sendEncodings: [encoding] });
        if (track.kind === 'video' && this.conf.videoCodec) MusterPublisher.prefer(tr, this.conf.videoCodec);
      }
      pc.onconnectionstatechange = () => {
        if (this.pc !== pc) return;
        if (pc.connectionState === 'connected') { this.retry = 0; this.conf.onConnected?.(); }
        if (pc.connectionState === 'failed' || pc.connectionState === 'closed') this.fail('the connection was lost');
      };
      const offer = await pc.createOffer();
      await pc.setLocalDescription(offer);
      const answer = await this.post(offer.sdp);
      if (this.closed || this.pc !== pc) return;
      await pc.setRemoteDescription({ type: 'answer', sdp: answer });
      // When the server ends the session, the browser shows it here at once.
      const dtls = pc.getTransceivers().map((t) => (t.sender).transport).find(Boolean);
      if (dtls) dtls.onstatechange = () => { if (this.pc === pc && ['closed', 'failed'].includes(dtls.state)) this.fail('the server ended the session'); };
    } catch (err) {
      if (this.run === run) this.fail(err.message, err.final);
    }
  }

  static prefer(tr, codec) {
    const all = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
    const wanted = all.filter((c) => c.mimeType.toLowerCase() === 'video/' + codec.toLowerCase());
    if (wanted.length && tr.setCodecPreferences) tr.setCodecPreferences([...wanted, ...all.filter((c) => !wanted.includes(c))]);
  }

  headers(more) {
    const h = { ...more };
    if (this.conf.user) h.Authorization = 'Basic ' + btoa(unescape(encodeURIComponent(this.conf.user + ':' + (this.conf.pass ?? ''))));
    else if (this.conf.token) h.Authorization = 'Bearer ' + this.conf.token;
    return h;
  }

  async servers() {
    const res = await fetch(this.conf.url, { method: 'OPTIONS', headers: this.headers({}) });
    const link = res.headers.get('Link');
    if (!link) return [];
    return [...link.matchAll(/<([^>]+)>; rel="ice-server"(?:; username="([^"]*)"; credential="([^"]*)"; credential-type="password")?/g)]
      .map((m) => (m[2] === undefined ? { urls: [m[1]] } : { urls: [m[1]], username: m[2], credential: m[3] }));
  }

  async post(sdp) {
    const res = await fetch(this.conf.url, { method: 'POST', headers: this.headers({ 'Content-Type': 'application/sdp' }), body: sdp });
    if (res.status !== 201) {
      let text = 'the server answered ' + res.status;
      try { text = (await res.json()).detail ?? text; } catch { /* no explanation */ }
      const err = new Error(text);
      err.final = [400, 401, 403, 406].includes(res.status);
      throw err;
    }
    this.session = new URL(res.headers.get('Location'), this.conf.url).toString();
    return res.text();
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
    this.timer = setTimeout(() => this.start(), Math.min(1000 * 2 ** this.retry++, 10000));
  }
}

window.MusterPublisher = MusterPublisher;
window.MediaMTXWebRTCPublisher = MusterPublisher; // pages written for that server work unchanged
