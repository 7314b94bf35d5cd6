import { describe, expect, test } from "vitest";
import { layered, type GraphEdge } from "../src/model/layered";

const edge = (text: string): GraphEdge => ({ from: text.split(">")[0], to: text.split(">")[1] });
const SPACING = { x: 100, y: 50 };
const draw = (edges: string, names: string[] = []) => layered(names, edges === "" ? [] : edges.split(" ").map(edge), SPACING);
const x = (drawn: ReturnType<typeof draw>, name: string) => drawn.nodes.get(name)!.x;

/** Pairs of straight pieces of edges that cross, as one sees them. */
function seenCrossings(drawn: ReturnType<typeof draw>): number {
  const pieces = drawn.edges.flatMap(({ points }) => points.slice(1).map((to, i) => (points[i].x < to.x ? [points[i], to] : [to, points[i]])));
  let count = 0;
  pieces.forEach(([a, b], i) =>
    pieces.slice(i + 1).forEach(([c, d]) => {
      if (a.x === c.x && (a.y - c.y) * (b.y - d.y) < -1e-6) count += 1;
    }),
  );
  return count;
}

describe("the service map", () => {
  test("callers stand to the left of what they call", () => {
    const drawn = draw("web>shop shop>db web>auth auth>db");
    for (const [from, to] of [["web", "shop"], ["shop", "db"], ["auth", "db"]]) expect(x(drawn, from)).toBeLessThan(x(drawn, to));
  });

  test("the same calls give the same picture, in whatever order they come", () => {
    const calls = "a>b b>c a>c c>d d>b e>c".split(" ");
    const picture = (list: string[]) => JSON.stringify([...draw(list.join(" ")).nodes].sort());
    expect(picture(calls.toReversed())).toBe(picture(calls));
  });

  test("cycles, calls to oneself and both directions are drawn, each edge from its caller", () => {
    const drawn = draw("a>b b>c c>a b>a c>c");
    expect(drawn.edges).toHaveLength(5);
    for (const { edge: one, points } of drawn.edges) {
      expect(points[0]).toEqual(drawn.nodes.get(one.from));
      expect(points.at(-1)).toEqual(drawn.nodes.get(one.to));
    }
  });

  test("an edge over several layers bends in each of them, so that it goes around what is between", () => {
    const drawn = draw("a>b b>c c>d a>d");
    const long = drawn.edges.find(({ edge: one }) => one.from === "a" && one.to === "d")!;
    expect(long.points).toHaveLength(4);
    const [, bend] = long.points;
    expect(Math.abs(bend.y - drawn.nodes.get("b")!.y)).toBeGreaterThanOrEqual(SPACING.y - 1e-6);
  });

  test("two columns that can be drawn without crossings are", () => {
    expect(seenCrossings(draw("a>z b>y c>x d>w"))).toBe(0);
    expect(seenCrossings(draw("r>a r>b r>c a>z b>y c>x z>end y>end x>end"))).toBe(0);
  });

  test("nobody stands on another, and nothing sticks out", () => {
    const calls = Array.from({ length: 60 }, (_, i) => `s${i % 13}>s${(i * 7) % 29}`).join(" ");
    const drawn = draw(calls, ["alone", "also alone"]);
    const places = [...drawn.nodes.values()];
    places.forEach((a, i) => places.slice(i + 1).forEach((b) => expect(a.x !== b.x || Math.abs(a.y - b.y) >= SPACING.y - 1e-6).toBe(true)));
    for (const { x: left, y: top } of [...places, ...drawn.edges.flatMap(({ points }) => points)]) {
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThan(drawn.width);
      expect(top).toBeGreaterThan(0);
      expect(top).toBeLessThan(drawn.height);
    }
  });

  test("services without calls, and no services at all, have their picture", () => {
    expect(draw("", ["b", "a"]).nodes.size).toBe(2);
    expect(draw("").nodes.size).toBe(0);
  });

  test("a hundred services with three hundred calls are in order soon enough to be moved through", () => {
    const calls = Array.from({ length: 300 }, (_, i) => edge(`s${(i * 17) % 100}>s${(i * 31 + 7) % 100}`));
    const drawn = layered([], calls, SPACING);
    expect(drawn.nodes.size).toBe(100);
  });
});
