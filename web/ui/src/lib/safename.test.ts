import { describe, expect, it } from 'vitest';
import { nameFault, toName } from './safename';

// The same cases as the server's own test of safename.Parse.
describe('nameFault', () => {
  it.each([
    ['cam1', null],
    ['uas/north/eo', null],
    ['a.b_c-d~e', null],
    ['', 'empty'],
    ['/cam', 'slash'],
    ['cam/', 'slash'],
    ['a//b', 'slash'],
    ['.', 'dot'],
    ['a/../b', 'dot'],
    ['a/.ssh', 'dot'],
    ['a b', 'characters'],
    ['a%2e', 'characters'],
    ['a\\b', 'characters'],
    ['caméra', 'characters'],
    ['a\0', 'characters'],
    ['a'.repeat(161), 'long'],
    [`${'a/'.repeat(8)}a`, 'deep'],
  ])('%j', (name, fault) => expect(nameFault(name)).toBe(fault));
});

describe('toName', () => {
  it.each([
    ['Caméra Été', 'Camera-Ete'],
    ['..hidden', 'hidden'],
    ['a@b', 'a-b'],
    ['***', ''],
  ])('%j', (text, name) => {
    expect(toName(text)).toBe(name);
    if (name) expect(nameFault(name)).toBeNull();
  });
});
