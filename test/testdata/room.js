// A participant of a room, written from docs/room-protocol.md: it sends a tone and a colour, and
// measures what it hears and sees.
(() => {
  const party = (window.party = { events: [], tracks: {}, people: {}, videos: {}, self: '' });
  const waiting = {};
  let id = 0;

  party.ask = (type, data = {}) =>
    new Promise((resolve, reject) => {
      waiting[++id] = { resolve, reject };
      party.ws.send(JSON.stringify({ id, type, data }));
    });

  const told = {
    state(d) {
      party.self = d.self;
      for (const p of d.participants) party.people[p.id] = p;
      for (const t of d.tracks) party.tracks[t.id] = t;
    },
    participant: (d) => (party.people[d.id] = d),
    left: (d) => delete party.people[d.id],
    track: (d) => (party.tracks[d.id] = d),
    untrack: (d) => delete party.tracks[d.id],
    speakers: (d) => (party.speakers = d),
    floor: (d) => (party.floor = d),
    busy: (d) => (party.busy = d),
    ended: (d) => (party.ended = d),
  };

  party.connect = (query = '') =>
    new Promise((resolve) => {
      const ws = (party.ws = new WebSocket(`wss://${location.host}/notify/ws${query}`, 'muster.rooms.v1'));
      ws.onclose = () => (party.closed = true);
      ws.onmessage = (e) => {
        const m = JSON.parse(e.data);
        if (m.type === 'hello') {
          party.key = m.data.key;
          party.resumed = m.data.resumed;
          resolve();
        } else if (m.re) {
          const w = waiting[m.re];
          delete waiting[m.re];
          if (m.type === 'ok') w.resolve(m.data);
          else w.reject(new Error(m.data.code));
        } else {
          party.seq = m.seq;
          party.events.push(m.type);
          told[m.type]?.(m.data);
        }
      };
    });

  party.negotiate = async () => {
    const pc = party.pc;
    await pc.setLocalDescription();
    if (pc.getConfiguration().iceTransportPolicy === 'relay') {
      // The server does not know where relays are: their checks come first.
      while (pc.iceGatheringState !== 'complete') await new Promise((done) => setTimeout(done, 50));
    }
    const sources = {};
    if (party.camera?.mid) sources[party.camera.mid] = 'camera';
    const answer = await party.ask('offer', { sdp: pc.localDescription.sdp, sources });
    await pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
  };

  // config is of the connection; its member relay names the only way that may be used: the URL of the
  // relay (part of it), and the port that is dialled in place of its own.
  party.join = async (join, hz, colour, { relay, ...config } = {}) => {
    await party.connect();
    const joined = await party.ask('join', join);
    if (relay) {
      config.iceTransportPolicy = 'relay';
      for (const s of joined.iceServers) {
        s.urls = [s.urls].flat().filter((u) => u.includes(relay.url));
        if (relay.port) s.urls = s.urls.map((u) => u.replace(/:\d+(?=$|\?)/, ':' + relay.port));
      }
      joined.iceServers = joined.iceServers.filter((s) => s.urls.length);
    }
    const pc = (party.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: joined.iceServers, ...config }));
    const audio = (party.audio = new AudioContext());
    party.analyser = audio.createAnalyser();
    party.analyser.fftSize = 8192;
    const tone = audio.createOscillator();
    const out = audio.createMediaStreamDestination();
    tone.frequency.value = hz;
    tone.connect(out);
    tone.start();
    pc.addTransceiver(out.stream.getAudioTracks()[0], { direction: 'sendonly' });
    for (let i = 0; i < joined.voices; i++) {
      const voice = new MediaStream([pc.addTransceiver('audio', { direction: 'recvonly' }).receiver.track]);
      const player = new Audio(); // Chromium decodes only what an element plays
      player.srcObject = voice;
      player.play();
      audio.createMediaStreamSource(voice).connect(party.analyser);
    }
    const canvas = document.createElement('canvas');
    canvas.width = 640;
    canvas.height = 360;
    const draw = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      draw.fillStyle = colour;
      draw.fillRect(0, 0, 640, 360);
      draw.fillStyle = '#fff';
      draw.fillRect((n++ * 7) % 600, 300, 40, 40);
    }, 100);
    party.camera = pc.addTransceiver(canvas.captureStream(10).getVideoTracks()[0], {
      direction: 'sendonly',
      sendEncodings: [{ rid: 'q', scaleResolutionDownBy: 2 }, { rid: 'f' }],
    });
    await party.negotiate();
    await party.ask('mute', { on: false });
    await audio.resume();
  };

  // Shows the pictures of all others.
  party.look = async (width, height) => {
    const places = [];
    for (const t of Object.values(party.tracks)) {
      if (t.participant === party.self || t.source === 'composite') continue;
      if (!party.videos[t.id]) {
        const tr = party.pc.addTransceiver('video', { direction: 'recvonly' });
        const element = document.createElement('video');
        element.muted = element.autoplay = true;
        element.srcObject = new MediaStream([tr.receiver.track]);
        document.body.append(element);
        party.videos[t.id] = { tr, element };
        await party.negotiate();
      }
      places.push({ mid: party.videos[t.id].tr.mid, track: t.id, width, height });
    }
    await party.ask('show', { places });
  };

  // How the relay that is used was reached: udp, tcp, tls.
  party.way = async () => {
    const stats = [...(await party.pc.getStats()).values()];
    const pair = stats.find((s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
    return stats.find((s) => s.id === pair?.localCandidateId)?.relayProtocol;
  };

  // Which of the tones is heard: well above everything else.
  party.hears = (tones) => {
    const bins = new Float32Array(party.analyser.frequencyBinCount);
    party.analyser.getFloatFrequencyData(bins);
    const bin = (hz) => Math.round((hz / party.audio.sampleRate) * party.analyser.fftSize);
    return tones.filter((hz) => Math.max(...bins.slice(bin(hz) - 2, bin(hz) + 3)) > -60).join(' ');
  };

  // The colours that are seen, as words, and the width of the pictures.
  party.sees = () =>
    Object.values(party.videos)
      .map(({ element }) => {
        if (!element.videoWidth) return 'nothing';
        const c = document.createElement('canvas');
        c.width = c.height = 8;
        const x = c.getContext('2d');
        x.drawImage(element, 0, 0, 8, 8);
        const [r, g, b] = x.getImageData(3, 2, 1, 1).data;
        return `${r > 120 ? 'red' : g > 120 ? 'green' : b > 120 ? 'blue' : 'dark'} ${element.videoWidth}`;
      })
      .sort()
      .join(', ');
})();
