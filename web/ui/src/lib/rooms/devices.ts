/** Which camera, microphone and speaker one enters rooms with, kept on this device, and what goes wrong with them. */
import { recall, remember } from '$lib/state/prefs';

export interface Devices {
  /** Whether one enters with the camera on. */
  camera: boolean;
  /** Whether one enters unmuted. */
  microphone: boolean;
  /** Ids of the browser; '' is what the system uses. */
  cameraId: string;
  microphoneId: string;
  speakerId: string;
}

const usual: Devices = { camera: true, microphone: false, cameraId: '', microphoneId: '', speakerId: '' };

export const recallDevices = (): Devices => ({ ...usual, ...recall<Partial<Devices>>('rooms.devices', {}) });
export const rememberDevices = (d: Devices) => remember('rooms.devices', d);

/** Why a device could not be opened. */
export type DeviceFault = 'denied' | 'absent' | 'busy' | 'insecure' | 'unknown';

export function deviceFault(e: unknown): DeviceFault {
  const name = e instanceof Error ? e.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'absent';
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy';
  return e instanceof InsecureError ? 'insecure' : 'unknown';
}

/** Browsers give cameras and microphones to pages over HTTPS only. */
class InsecureError extends Error {}

const cameraSize = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } };

/** Opens the camera; a chosen one that is gone makes way for any. The caller stops the tracks. */
export async function openCamera(id: string): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new InsecureError();
  return navigator.mediaDevices.getUserMedia({ video: { ...cameraSize, ...(id ? { deviceId: id } : { facingMode: 'user' }) } });
}

export async function openMicrophone(id: string): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new InsecureError();
  return navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(id ? { deviceId: id } : {}) },
  });
}

/** Lets go of a camera, a microphone or a screen: its light goes out. */
export function release(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

export const canShareScreen = (): boolean => typeof navigator !== 'undefined' && !!navigator.mediaDevices && 'getDisplayMedia' in navigator.mediaDevices;
export const canChooseSpeaker = (): boolean => typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype;
