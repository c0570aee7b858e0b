'use strict';

(() => {
  const $ = (id) => document.getElementById(id);
  const video = $('video');
  const params = new URLSearchParams(location.search);
  document.title = decodeURIComponent(location.pathname.split('/').filter(Boolean).pop() ?? 'Live');

  // Options in the address: controls, muted, autoplay, playsInline, disablepictureinpicture.
  const flag = (name, or) => (params.has(name) ? !['false', '0', 'no'].includes(params.get(name).toLowerCase()) : or);
  video.controls = flag('controls', true);
  video.muted = flag('muted', true);
  video.autoplay = flag('autoplay', true);
  video.playsInline = flag('playsInline', true);
  video.disablePictureInPicture = flag('disablepictureinpicture', false);

  const say = (text, bad) => {
    $('message').textContent = text;
    $('message').classList.toggle('bad', Boolean(bad));
  };
  say('Connecting…');
  video.addEventListener('playing', () => {
    say('');
    $('sound').hidden = !(video.muted && video.srcObject?.getAudioTracks().length) || video.controls;
  });
  $('sound').addEventListener('click', () => { video.muted = false; $('sound').hidden = true; });

  const url = new URL('whep', location.href);
  url.search = location.search;
  const reader = new MusterReader({
    url: url.toString(),
    onTrack: (e) => { if (video.srcObject !== e.streams[0]) video.srcObject = e.streams[0]; },
    onNotice: (texts) => { $('notice').hidden = texts.length === 0; $('notice').textContent = texts.join('; '); },
    onError: (text, final) => say(text + (final ? '' : '. Trying again…'), true),
  });
  addEventListener('pagehide', () => reader.close());
})();
