/** The far end of WHIP and WHEP for the mock: a page of the same browser that answers offers. */

/** Returns answer(kind, name, sdp) and received(), the frames decoded of what was published. */
export async function openSfu(context) {
  const page = await context.newPage();
  await page.evaluate(() => {
    const peers = [];
    const picture = () => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
      const ctx = canvas.getContext('2d');
      let n = 0;
      setInterval(() => {
        ctx.fillStyle = `hsl(${(n += 3) % 360} 60% 40%)`;
        ctx.fillRect(0, 0, 640, 360);
        ctx.fillStyle = '#fff';
        ctx.font = '96px sans-serif';
        ctx.fillText(String(n), 40, 200);
      }, 33);
      return canvas.captureStream(30).getVideoTracks()[0];
    };
    const sound = () => {
      const audio = new AudioContext();
      const out = audio.createMediaStreamDestination();
      const tone = audio.createOscillator();
      tone.connect(out);
      tone.start();
      return out.stream.getAudioTracks()[0];
    };
    window.answer = async (kind, sdp) => {
      const pc = new RTCPeerConnection();
      peers.push({ kind, pc });
      await pc.setRemoteDescription({ type: 'offer', sdp });
      if (kind === 'whep') {
        for (const transceiver of pc.getTransceivers()) {
          await transceiver.sender.replaceTrack(transceiver.receiver.track.kind === 'video' ? picture() : sound());
          transceiver.direction = 'sendonly';
        }
      }
      await pc.setLocalDescription(await pc.createAnswer());
      await new Promise((resolve) => {
        if (pc.iceGatheringState === 'complete') resolve();
        pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve();
        setTimeout(resolve, 2000);
      });
      return pc.localDescription.sdp;
    };
    window.received = async () => {
      let frames = 0;
      for (const { kind, pc } of peers) {
        if (kind !== 'whip') continue;
        (await pc.getStats()).forEach((e) => {
          if (e.type === 'inbound-rtp' && e.kind === 'video') frames += e.framesDecoded ?? 0;
        });
      }
      return frames;
    };
    window.endAll = () => peers.splice(0).forEach(({ pc }) => pc.close());
  });
  return {
    answer: (kind, _name, sdp) => page.evaluate(([k, s]) => window.answer(k, s), [kind, sdp]),
    received: () => page.evaluate(() => window.received()),
    endAll: () => page.evaluate(() => window.endAll()),
  };
}
