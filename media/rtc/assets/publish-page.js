'use strict';

(() => {
  const $ = (id) => document.getElementById(id);
  let publisher = null;
  let stream = null;
  $('name').textContent = decodeURIComponent(location.pathname.replace(/\/publish$/, '').split('/').filter(Boolean).pop() ?? '');

  const say = (text, bad) => {
    $('message').textContent = text;
    $('message').classList.toggle('bad', Boolean(bad));
  };

  const capture = async () => {
    const [width, height] = $('size').value.split('x').map(Number);
    const size = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
    const audio = $('audio').checked;
    switch ($('video-source').value) {
      case 'screen': return navigator.mediaDevices.getDisplayMedia({ video: size, audio });
      case 'rear': return navigator.mediaDevices.getUserMedia({ video: { ...size, facingMode: 'environment' }, audio });
      case 'none': return navigator.mediaDevices.getUserMedia({ audio: true });
      default: return navigator.mediaDevices.getUserMedia({ video: size, audio });
    }
  };

  const stop = (text, bad) => {
    publisher?.close();
    stream?.getTracks().forEach((t) => t.stop());
    publisher = stream = null;
    $('video').srcObject = null;
    $('start').hidden = false;
    $('stop').hidden = true;
    if (text) say(text, bad);
  };

  $('form').addEventListener('submit', async (e) => {
    e.preventDefault();
    if (!navigator.mediaDevices) {
      say('The browser gives camera and microphone only to pages over HTTPS (or from this machine).', true);
      return;
    }
    $('start').disabled = true;
    try {
      stream = await capture();
    } catch (err) {
      say('The browser gave no picture or sound: ' + err.message, true);
      return;
    } finally {
      $('start').disabled = false;
    }
    $('video').srcObject = stream;
    stream.getTracks().forEach((t) => t.addEventListener('ended', () => stop('The source ended.')));
    $('start').hidden = true;
    $('stop').hidden = false;
    say('Connecting…');
    const url = new URL('whip', location.href);
    url.search = location.search;
    publisher = new MusterPublisher({
      url: url.toString(),
      stream,
      videoCodec: $('codec').value,
      videoBitrate: Number($('bitrate').value) || 2500,
      audioBitrate: 64,
      onConnected: () => say('Live.'),
      onError: (text, final) => (final ? stop(text, true) : say(text + '. Trying again…', true)),
    });
  });
  $('stop').addEventListener('click', () => stop('Stopped.'));
  addEventListener('pagehide', () => stop());
})();
