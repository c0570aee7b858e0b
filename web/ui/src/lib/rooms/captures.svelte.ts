/** What one shows: the camera and the screen. */
import { deviceFault, openCamera, release, type DeviceFault } from './devices';

export interface CaptureDeps {
  /** Id of the camera; '' is that of the system. */
  device: () => string;
  /** Sends the track from now on, or nothing. */
  send: (source: 'camera' | 'screen', track: MediaStreamTrack | null) => Promise<void>;
  /** why is what the device said, or an error of the server. */
  onFault: (source: 'camera' | 'screen', why: DeviceFault, error: unknown) => void;
}

export class Captures {
  camera = $state.raw<MediaStream | null>(null);
  screen = $state.raw<MediaStream | null>(null);
  #deps: CaptureDeps;
  /** Counts wishes: a camera that comes late is let go. */
  #turn = 0;

  constructor(deps: CaptureDeps) {
    this.#deps = deps;
  }

  /** Takes over a camera that is open already. */
  take(camera: MediaStream | null): void {
    this.camera = camera;
    // One that is pulled out is switched off.
    camera?.getVideoTracks()[0]?.addEventListener('ended', () => {
      if (this.camera !== camera) return;
      void this.setCamera(false).then(() => this.#deps.onFault('camera', 'absent', null));
    });
  }

  async setCamera(on: boolean): Promise<void> {
    const turn = ++this.#turn;
    const before = this.camera;
    try {
      const stream = on ? await openCamera(this.#deps.device()) : null;
      if (turn !== this.#turn) return release(stream);
      this.take(stream);
      await this.#deps.send('camera', stream?.getVideoTracks()[0] ?? null);
    } catch (e) {
      if (turn !== this.#turn) return;
      if (this.camera !== before) release(this.camera);
      this.camera = null;
      this.#deps.onFault('camera', deviceFault(e), e);
    }
    if (before !== this.camera) release(before);
  }

  async setScreen(on: boolean): Promise<void> {
    const before = this.screen;
    try {
      this.screen = on ? await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } }, audio: false }) : null;
      // The browser's own "stop sharing".
      this.screen?.getVideoTracks()[0]?.addEventListener('ended', () => void this.setScreen(false));
      await this.#deps.send('screen', this.screen?.getVideoTracks()[0] ?? null);
    } catch (e) {
      release(this.screen);
      this.screen = null;
      // Who closes the browser's choice has changed their mind.
      if (!(e instanceof Error && e.name === 'NotAllowedError')) this.#deps.onFault('screen', deviceFault(e), e);
    }
    release(before);
  }

  close(): void {
    this.#turn++;
    release(this.camera);
    release(this.screen);
    this.camera = null;
    this.screen = null;
  }
}
