import { describe, expect, it } from 'vitest';
import { parse, safeReturn } from './router.svelte';

describe('parse', () => {
  it.each([
    ['/', { page: 'map' }],
    ['/map', { page: 'map' }],
    ['/map/x', { page: 'missing' }],
    ['/chat', { page: 'chat', room: '' }],
    ['/chat/All%20Chat%20Rooms', { page: 'chat', room: 'All Chat Rooms' }],
    ['/chat/mission%3AFlood%2FEast', { page: 'chat', room: 'mission:Flood/East' }],
    ['/files', { page: 'files', section: 'packages', guid: '' }],
    ['/files/missions/0f3a', { page: 'files', section: 'missions', guid: '0f3a' }],
    ['/files/other', { page: 'missing' }],
    ['/video', { page: 'wall' }],
    ['/video/uas/north/eo', { page: 'player', name: 'uas/north/eo' }],
    ['/video/a%zz', { page: 'player', name: 'a%zz' }],
    ['/login', { page: 'login' }],
    ['/reset', { page: 'reset' }],
    ['/reset/x', { page: 'missing' }],
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
    [null, '/map'],
    ['', '/map'],
    ['/admin/sessions', '/admin/sessions'],
    ['/publish?name=a', '/publish?name=a'],
    ['//evil.example/video', '/map'],
    ['https://evil.example', '/map'],
    ['/\\evil.example', '/map'],
    ['/login', '/map'],
    ['/login?next=/login', '/map'],
    ['javascript:alert(1)', '/map'],
  ])('%j', (next, to) => expect(safeReturn(next)).toBe(to));
});
