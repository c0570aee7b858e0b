import { describe, expect, it } from 'vitest';
import { arranged, gridOf, moved } from './arrange';

describe('arranged', () => {
  it('keeps what was arranged and puts the others behind', () => expect(arranged(['a', 'b', 'c', 'd'], ['c', 'a'])).toEqual(['c', 'a', 'b', 'd']));
  it('does not mind names that are not there', () => expect(arranged(['a', 'b'], ['z', 'b'])).toEqual(['b', 'a']));
});

describe('moved', () => {
  it('moves to the right', () => expect(moved(['a', 'b', 'c'], [], 'a', 'c')).toEqual(['b', 'c', 'a']));
  it('moves to the left', () => expect(moved(['a', 'b', 'c'], [], 'c', 'a')).toEqual(['c', 'a', 'b']));
  it('remembers what is not on the screen', () => expect(moved(['a', 'b'], ['x', 'a', 'b'], 'b', 'a')).toEqual(['b', 'a', 'x']));
  it('changes nothing for a stranger', () => expect(moved(['a', 'b'], ['b'], 'q', 'a')).toEqual(['b']));
});

describe('gridOf', () => {
  it.each([
    [0, 0, 1, 1],
    [0, 1, 1, 1],
    [0, 2, 2, 1],
    [0, 3, 2, 2],
    [0, 5, 3, 2],
    [0, 9, 3, 3],
    [0, 300, 5, 5],
    [1, 9, 1, 1],
    [16, 2, 4, 4],
    [25, 2, 5, 5],
  ])('size %d with %d streams', (size, count, columns, rows) => expect(gridOf(size, count)).toEqual({ columns, rows }));
});
