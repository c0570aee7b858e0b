// A telephone in a browser: it registers over a WebSocket, calls a room, sends a tone and measures
// what it hears.
import JsSIP from 'jssip';

const phone = (window.phone = { state: 'new' });

phone.start = (user, password) =>
  new Promise((resolve, reject) => {
    const uri = `sip:${user}@${location.hostname}`;
    phone.ua = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(`wss://${location.host}/sip`)], uri, password });
    phone.ua.on('registered', () => resolve('registered'));
    phone.ua.on('registrationFailed', (e) => reject(new Error(`${e.cause} ${e.response?.status_code}`)));
    phone.ua.on('newRTCSession', ({ session, originator }) => {
      if (originator === 'remote') phone.answer(session);
    });
    phone.ua.start();
  });

phone.sound = (hz) => {
  const audio = (phone.audio ??= new AudioContext());
  const tone = new OscillatorNode(audio, { frequency: hz });
  const volume = new GainNode(audio, { gain: 0.3 });
  const out = audio.createMediaStreamDestination();
  tone.connect(volume).connect(out);
  tone.start();
  return out.stream;
};

phone.follow = (session) => {
  phone.session = session;
  session.on('accepted', () => (phone.state = 'up'));
  session.on('ended', (e) => (phone.state = `ended: ${e.cause}`));
  session.on('failed', (e) => (phone.state = `failed: ${e.cause}`));
  const listen = (pc) =>
    pc.addEventListener('track', ({ track }) => {
      if (track.kind !== 'audio') return;
      const stream = new MediaStream([track]);
      phone.element = new Audio();
      phone.element.srcObject = stream; // without it Chromium decodes nothing
      phone.element.muted = true;
      phone.element.play();
      phone.heard = new AnalyserNode(phone.audio, { fftSize: 8192, smoothingTimeConstant: 0 });
      phone.audio.createMediaStreamSource(stream).connect(phone.heard);
    });
  if (session.connection) listen(session.connection);
  else session.on('peerconnection', ({ peerconnection }) => listen(peerconnection));
};

// policy is how the browser shares transports among its streams (RFC 9143).
phone.policy = 'balanced';

phone.call = (number, hz) => {
  const pcConfig = { bundlePolicy: phone.policy };
  const session = phone.ua.call(`sip:${number}@${location.hostname}`, { mediaStream: phone.sound(hz), pcConfig });
  phone.follow(session);
};

phone.answer = (session) => {
  phone.follow(session);
  session.answer({ mediaStream: phone.sound(phone.hz), pcConfig: { bundlePolicy: phone.policy } });
};

// hears names the tones of hzs that are in what comes.
phone.hears = (hzs) => {
  if (!phone.heard) return '';
  const spectrum = new Float32Array(phone.heard.frequencyBinCount);
  phone.heard.getFloatFrequencyData(spectrum);
  const bin = phone.audio.sampleRate / phone.heard.fftSize;
  return hzs.filter((hz) => Math.max(...[-1, 0, 1].map((d) => spectrum[Math.round(hz / bin) + d])) > -55).join(' ');
};
