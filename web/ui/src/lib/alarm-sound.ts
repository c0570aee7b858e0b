/** Two tones that come again until they are stopped. Browsers stay silent until somebody has touched the page. */

/** Seconds between two alarms. */
const every = 4;

export function startAlarm(): () => void {
  let audio: AudioContext;
  try {
    audio = new AudioContext();
  } catch {
    return () => undefined;
  }
  const sound = () => {
    if (audio.state !== 'running') {
      void audio.resume().catch(() => undefined);
      return;
    }
    [880, 660, 880].forEach((frequency, i) => tone(audio, frequency, audio.currentTime + i * 0.22));
  };
  sound();
  const timer = setInterval(sound, every * 1000);
  return () => {
    clearInterval(timer);
    void audio.close().catch(() => undefined);
  };
}

function tone(audio: AudioContext, frequency: number, at: number): void {
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0.0001, at);
  gain.gain.exponentialRampToValueAtTime(0.2, at + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.2);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(at);
  oscillator.stop(at + 0.21);
}
