import { describe, expect, it } from 'vitest';
import { gains, keep, readKept, talkerKey } from './volumes';

describe('volumes', () => {
  it('remembers people by account, others by name', () => {
    expect(talkerKey({ name: 'Anna', user: 'anna', kind: 'browser' })).toBe(talkerKey({ name: 'Anna (2)', user: 'anna', kind: 'mumble' }));
    expect(talkerKey({ name: '+41', kind: 'sip' })).toBe('sip:+41');
    expect(talkerKey({ name: 'cam', user: 'x', kind: 'stream' })).toBe('stream:cam');
  });

  it('keeps what is not as it comes, the newest last, and not too many', () => {
    let list = keep(keep([], 'a', 50), 'b', 0);
    expect(list).toEqual([['a', 50], ['b', 0]]);
    list = keep(list, 'a', 150);
    expect(list).toEqual([['b', 0], ['a', 150]]);
    expect(keep(list, 'b', 100)).toEqual([['a', 150]]);
    for (let i = 0; i < 500; i++) list = keep(list, `n${i}`, 10);
    expect(list.length).toBe(200);
    expect(list.at(-1)).toEqual(['n499', 10]);
  });

  it('reads nothing that it has not written', () => {
    expect(readKept({ a: 1 })).toEqual([]);
    expect(readKept([['a', 50], ['b', 5000], ['c'], 7, ['d', '5']])).toEqual([['a', 50]]);
  });

  it('gives each slot the volume of who is in it', () => {
    const of = (id: string) => ({ anna: 0, bert: 1.5 })[id];
    expect(gains(['anna', 'bert', 'carl', ''], [1, 1, 0.2, 0.5], of)).toEqual([0, 1.5, 1, 0.5]);
    expect(gains(['bert'], [0, 0], of)).toEqual([1.5, 0]);
  });
});
