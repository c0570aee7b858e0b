/** "1 stream", "3 streams". */
export const plural = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;
