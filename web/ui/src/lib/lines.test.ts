import { expect, it } from 'vitest';
import type { Address, Door } from './api/types';
import { grouped, hostInUrl, publishLine } from './lines';
import { match } from './match';

it('makes the ffmpeg line from the open door, never with a password', () => {
  const doors: Door[] = [
    { name: 'rtsp', network: 'udp', address: '[::]:8000' },
    { name: 'rtsp', network: 'tcp', address: '[::]:9554' },
  ];
  expect(publishLine('fd00::1', 'a b', doors)).toContain('rtsp://a%20b:PASSWORD@[fd00::1]:9554/test');
  expect(publishLine('h', 'u', [])).toContain('@h:8554/');
  expect(hostInUrl('[::1]')).toBe('[::1]');
});

it('puts programs with the same address together', () => {
  const a = (app: string, url: string): Address => ({ protocol: 'rtsp', use: 'watch', app, label: '', url });
  const list = grouped([a('VLC', 'x'), a('OBS', 'y'), a('ATAK', 'x')]);
  expect(list.map((g) => g.apps.map((p) => p.app).join())).toEqual(['VLC,ATAK', 'OBS']);
});

it('matches every word anywhere', () => {
  expect(match('', 'anything')).toBe(true);
  expect(match('north EO', 'uas/north/eo pilot')).toBe(true);
  expect(match('north ir', 'uas/north/eo')).toBe(false);
});
