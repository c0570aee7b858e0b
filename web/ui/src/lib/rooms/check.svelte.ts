/** The devices before one enters: what the camera sees, how loud the microphone is, and what is wrong. */
import { deviceFault, openCamera, openMicrophone, recallDevices, release, rememberDevices, type DeviceFault } from './devices';
import { Meter } from './level';

export class DeviceCheck {
  devices = $state(recallDevices());
  camera = $state.raw<MediaStream | null>(null);
  cameraFault = $state<DeviceFault | ''>('');
  microphoneFault = $state<DeviceFault | ''>('');
  level = $state(0);
  list = $state.raw<MediaDeviceInfo[]>([]);

  #microphone: MediaStream | null = null;
  #meter: Meter | null = null;
  #closed = false;
  /** Counts openings: a device that comes late is let go. */
  #turn = { camera: 0, microphone: 0 };

  async start(): Promise<void> {
    navigator.mediaDevices?.addEventListener?.('devicechange', this.#enumerate);
    // One after the other: two questions of the browser at a time confuse.
    await this.openMicrophone();
    if (this.devices.camera) await this.openCamera();
  }

  #enumerate = async () => {
    const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    // Names are told only after the person has allowed one.
    if (!this.#closed) this.list = all.filter((d) => d.deviceId !== '' && d.deviceId !== 'default' && d.deviceId !== 'communications');
  };

  of(kind: MediaDeviceKind): MediaDeviceInfo[] {
    return this.list.filter((d) => d.kind === kind);
  }

  async openCamera(): Promise<void> {
    const turn = ++this.#turn.camera;
    release(this.camera);
    this.camera = null;
    this.cameraFault = '';
    try {
      const stream = await openCamera(this.devices.cameraId);
      if (this.#closed || turn !== this.#turn.camera) return release(stream);
      this.camera = stream;
    } catch (e) {
      if (turn === this.#turn.camera) this.cameraFault = deviceFault(e);
    }
    await this.#enumerate();
  }

  async openMicrophone(): Promise<void> {
    const turn = ++this.#turn.microphone;
    this.#dropMicrophone();
    this.microphoneFault = '';
    try {
      const stream = await openMicrophone(this.devices.microphoneId);
      if (this.#closed || turn !== this.#turn.microphone) return release(stream);
      this.#microphone = stream;
      this.#meter = new Meter(stream.getAudioTracks()[0]!, (level) => (this.level = level));
    } catch (e) {
      if (turn === this.#turn.microphone) this.microphoneFault = deviceFault(e);
    }
    await this.#enumerate();
  }

  #dropMicrophone(): void {
    this.#meter?.stop();
    this.#meter = null;
    this.level = 0;
    release(this.#microphone);
    this.#microphone = null;
  }

  setCamera(on: boolean): void {
    this.devices.camera = on;
    this.remember();
    if (on) void this.openCamera();
    else {
      this.#turn.camera++;
      release(this.camera);
      this.camera = null;
      this.cameraFault = '';
    }
  }

  remember = () => rememberDevices($state.snapshot(this.devices));

  /** Hands the devices over: they are not let go by stop(). */
  take(): { camera: MediaStream | null; microphone: MediaStreamTrack | null } {
    const camera = this.camera;
    const microphone = this.#microphone?.getAudioTracks()[0] ?? null;
    this.camera = null;
    this.#microphone = null;
    this.#meter?.stop();
    this.#meter = null;
    return { camera, microphone };
  }

  stop(): void {
    this.#closed = true;
    navigator.mediaDevices?.removeEventListener?.('devicechange', this.#enumerate);
    release(this.camera);
    this.#dropMicrophone();
  }
}
