import { expect, it } from 'vitest';
import { fileIn, fileMessage } from './files';

const here = 'https://muster.example';
const hash = 'a'.repeat(64);

it('a file that is sent is a card where it arrives', () => {
  expect(fileIn(fileMessage('plan\n b.pdf', hash, here), here)).toEqual({ name: 'plan b.pdf', path: `/api/v1/packages/${hash}/content` });
});

it.each([
  ['plain words', 'hello'],
  ['an address alone', `${here}/api/v1/packages/${hash}/content`],
  ['another server', fileMessage('a.pdf', hash, 'https://elsewhere.example')],
  ['another place', `a.pdf\n${here}/api/v1/users`],
  ['a way out', `a.pdf\n${here}/api/v1/packages/../../x/content`],
  ['a script', 'a.pdf\njavascript:alert(1)'],
])('%s is no file', (_, text) => expect(fileIn(text, here)).toBeNull());
