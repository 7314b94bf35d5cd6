/**
 * Where the rows of a long list are, when most have one height and some have another. Sums are kept in a tree, so that a row's
 * place and the row at a place cost a few steps, whatever the length.
 */
export class Heights {
  private readonly extra: Float64Array;
  private readonly own = new Map<number, number>();

  constructor(
    readonly count: number,
    readonly usual: number,
  ) {
    this.extra = new Float64Array(count + 1);
  }

  of(index: number): number {
    return this.usual + (this.own.get(index) ?? 0);
  }

  /** Sets a row's height; says by how much it grew. */
  set(index: number, height: number): number {
    if (index < 0 || index >= this.count) return 0;
    const more = height - this.usual;
    const grown = more - (this.own.get(index) ?? 0);
    if (grown === 0) return 0;
    this.own.set(index, more);
    for (let i = index + 1; i <= this.count; i += i & -i) this.extra[i] += grown;
    return grown;
  }

  /** Where a row begins; the end of all for the one behind the last. */
  top(index: number): number {
    const at = Math.min(Math.max(0, index), this.count);
    let sum = at * this.usual;
    for (let i = at; i > 0; i -= i & -i) sum += this.extra[i];
    return sum;
  }

  get total(): number {
    return this.top(this.count);
  }

  /** The row at a place; the last one behind the end. */
  at(place: number): number {
    let [row, left] = [0, place];
    for (let step = 2 ** Math.floor(Math.log2(Math.max(1, this.count))); step >= 1; step /= 2) {
      const next = row + step;
      if (next > this.count) continue;
      const height = step * this.usual + this.extra[next];
      if (height <= left) {
        row = next;
        left -= height;
      }
    }
    return Math.min(row, Math.max(0, this.count - 1));
  }
}
