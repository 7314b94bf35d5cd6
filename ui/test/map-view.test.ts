import { expect, test } from "vitest";
import { edgePath, fitView, nearest, radiusOf, zoomAt } from "../src/model/map-view";

test("a map that fits stands in the middle, and a small one is not blown up", () => {
  const view = fitView({ width: 2000, height: 500 }, { width: 1024, height: 600 });
  expect(view.scale).toBeCloseTo(0.5);
  expect(view.x).toBeCloseTo(12);
  expect(fitView({ width: 100, height: 100 }, { width: 1000, height: 1000 }).scale).toBeLessThan(1.2);
  expect(fitView({ width: 100, height: 100 }, { width: 0, height: 0 }).scale).toBe(1);
});

test("what is under the pointer stays there while the size changes, and sizes have ends", () => {
  const view = zoomAt({ x: 30, y: -10, scale: 0.8 }, 1.5, { x: 200, y: 100 });
  expect((200 - view.x) / view.scale).toBeCloseTo((200 - 30) / 0.8);
  expect(zoomAt(view, 1e9, { x: 0, y: 0 }).scale).toBe(3);
  expect(zoomAt(view, 1e-9, { x: 0, y: 0 }).scale).toBe(0.08);
});

test("a line ends at the rim of the disc it leads to, from whichever side it comes", () => {
  const ahead = edgePath([{ x: 0, y: 0 }, { x: 200, y: 80 }], [20, 20], false);
  expect(ahead.tip).toEqual({ x: 176, y: 80 });
  expect(ahead.angle).toBe(0);
  const back = edgePath([{ x: 200, y: 0 }, { x: 0, y: 0 }], [20, 20], false);
  expect([back.tip.x, back.angle]).toEqual([24, 180]);
  const down = edgePath([{ x: 0, y: 0 }, { x: 0, y: 100 }], [10, 10], false);
  expect([down.tip.y, down.angle]).toEqual([86, 90]);
  const below = edgePath([{ x: 0, y: 0 }, { x: 80, y: 200 }], [20, 20], false, true);
  expect([below.tip, below.angle]).toEqual([{ x: 80, y: 176 }, 90]);
  expect(edgePath([{ x: 0, y: 0 }, { x: 0, y: 0 }], [10, 10], true).path).not.toContain("NaN");
});

test("the area of a disc goes with its rate, and none is too small to press", () => {
  expect(radiusOf(0, 0)).toBe(13);
  expect(radiusOf(10, 10)).toBe(28);
  expect(radiusOf(2.5, 10)).toBe(20.5);
});

test("arrows go to the nearest in their direction, and stay where there is none", () => {
  const nodes = new Map([["a", { x: 0, y: 0 }], ["b", { x: 100, y: 10 }], ["c", { x: 90, y: 200 }], ["d", { x: 0, y: 100 }]]);
  expect(nearest(nodes, "a", { x: 1, y: 0 })).toBe("b");
  expect(nearest(nodes, "a", { x: 0, y: 1 })).toBe("d");
  expect(nearest(nodes, "a", { x: -1, y: 0 })).toBe("a");
  expect(nearest(nodes, "gone", { x: 1, y: 0 })).toBe("gone");
});
