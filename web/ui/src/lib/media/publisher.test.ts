import { expect, it } from 'vitest';
import { captureFault, orderCodecs } from './publisher.svelte';
import { randomPassword } from '$lib/password';

it('puts the preferred codec first and keeps the order of the others', () => {
  const codecs = ['video/VP8', 'video/rtx', 'video/H264', 'video/AV1', 'video/h264'].map((mimeType) => ({ mimeType }));
  expect(orderCodecs(codecs, 'H264').map((c) => c.mimeType)).toEqual(['video/H264', 'video/h264', 'video/VP8', 'video/rtx', 'video/AV1']);
});

it('has words for what cameras refuse', () => {
  expect(captureFault(new DOMException('', 'NotAllowedError'))).toContain('not allowed');
  expect(captureFault(new DOMException('', 'NotReadableError'))).toContain('Another program');
  expect(captureFault(new Error('odd'))).toBe('odd');
});

it('proposes passwords that can be read aloud', () => {
  const password = randomPassword();
  expect(password).toMatch(/^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/);
  expect(randomPassword()).not.toBe(password);
});
