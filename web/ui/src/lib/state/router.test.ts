import { describe, expect, it } from 'vitest';
import { parse, safeReturn } from './router.svelte';

describe('parse', () => {
  it.each([
    ['/', { page: 'wall' }],
    ['/video', { page: 'wall' }],
    ['/video/uas/north/eo', { page: 'player', name: 'uas/north/eo' }],
    ['/video/a%zz', { page: 'player', name: 'a%zz' }],
    ['/login', { page: 'login' }],
    ['/publish', { page: 'publish' }],
    ['/admin', { page: 'admin', section: 'people' }],
    ['/admin/health', { page: 'admin', section: 'health' }],
    ['/admin/nothing', { page: 'missing' }],
    ['/login/x', { page: 'missing' }],
    ['/api/v1/ca.pem', { page: 'missing' }],
  ])('%s', (path, route) => expect(parse(path)).toEqual(route));
});

describe('safeReturn', () => {
  it.each([
    [null, '/video'],
    ['', '/video'],
    ['/admin/sessions', '/admin/sessions'],
    ['/publish?name=a', '/publish?name=a'],
    ['//evil.example/video', '/video'],
    ['https://evil.example', '/video'],
    ['/\\evil.example', '/video'],
    ['/login', '/video'],
    ['/login?next=/login', '/video'],
    ['javascript:alert(1)', '/video'],
  ])('%j', (next, to) => expect(safeReturn(next)).toBe(to));
});
