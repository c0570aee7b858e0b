/** Which camera and microphone one enters rooms with, kept on this device. */
import { recall, remember } from '$lib/state/prefs';
import type { Devices } from './room.svelte';

const usual: Devices = { camera: true, microphone: true, cameraId: '', microphoneId: '' };

export const recallDevices = (): Devices => ({ ...usual, ...recall<Partial<Devices>>('rooms.devices', {}) });
export const rememberDevices = (d: Devices) => remember('rooms.devices', d);
