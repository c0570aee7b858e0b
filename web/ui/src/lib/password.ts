/** Letters and digits that cannot be mistaken for each other when read aloud or copied by hand. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';

/** A password of four groups of four, about 79 bits. */
export function randomPassword(): string {
  const limit = 256 - (256 % alphabet.length);
  let letters = '';
  while (letters.length < 16) {
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) {
      // Bytes above the last whole multiple would make some letters likelier.
      if (byte < limit && letters.length < 16) letters += alphabet[byte % alphabet.length];
    }
  }
  return letters.match(/.{4}/g)!.join('-');
}
