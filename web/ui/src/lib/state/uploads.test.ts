import { describe, expect, it } from 'vitest';
import { fileNameOf } from '$lib/api/admin';
import { packagePath } from '$lib/api/upload';
import { timeLeft } from './uploads.svelte';

describe('uploads', () => {
  it('say how long it still takes, once they can', () => {
    expect(timeLeft(0, 100, 0, 5000)).toBe(0);
    expect(timeLeft(10, 100, 0, 500)).toBe(0);
    expect(timeLeft(25, 100, 0, 5000)).toBe(15_000);
    expect(timeLeft(100, 100, 0, 5000)).toBe(0);
  });

  it('name every group, and days only when there is an end', () => {
    expect(packagePath({ name: 'a & b.zip', groups: ['recon', 'base'], tool: 'private', days: 0 })).toBe(
      '/api/v1/packages?name=a+%26+b.zip&group=recon&group=base&tool=private',
    );
    expect(packagePath({ name: 'a', groups: [], tool: 'public', days: 7 })).toBe('/api/v1/packages?name=a&tool=public&days=7');
  });

  it('take the file name that the server gave', () => {
    expect(fileNameOf('attachment; filename="ida tablet.zip"')).toBe('ida tablet.zip');
    expect(fileNameOf("attachment; filename=\"x.zip\"; filename*=UTF-8''%C3%BCber.zip")).toBe('über.zip');
    expect(fileNameOf(null)).toBe('');
  });
});
