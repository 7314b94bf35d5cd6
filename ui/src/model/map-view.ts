/** What part of the service map is seen, how its lines run, and what is next to what. */
import type { Point } from "./layered";

/** A point of the map is seen at `point × scale + (x, y)`. */
export interface MapView extends Point {
  scale: number;
}

interface Size {
  width: number;
  height: number;
}

const LEAST_SCALE = 0.08;
const MOST_SCALE = 3;
const MARGIN = 12;
/** A small map is not blown up beyond this. */
const FIT_SCALE = 1.15;

/** All of it, in the middle. */
export function fitView(map: Size, seen: Size): MapView {
  if (seen.width <= 0 || seen.height <= 0) return { x: 0, y: 0, scale: 1 };
  const scale = Math.max(LEAST_SCALE, Math.min(FIT_SCALE, (seen.width - 2 * MARGIN) / map.width, (seen.height - 2 * MARGIN) / map.height));
  return { scale, x: (seen.width - map.width * scale) / 2, y: (seen.height - map.height * scale) / 2 };
}

/** Larger or smaller, while one place stays where it is. */
export function zoomAt(view: MapView, factor: number, place: Point): MapView {
  const scale = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, view.scale * factor));
  const by = scale / view.scale;
  return { scale, x: place.x - (place.x - view.x) * by, y: place.y - (place.y - view.y) * by };
}

/** The area of a disc goes with its rate; the quietest can still be pressed. */
export const radiusOf = (rate: number, busiest: number): number => 13 + 15 * Math.sqrt(busiest > 0 ? Math.min(1, rate / busiest) : 0);

interface EdgePath {
  path: string;
  /** Where the arrow ends, and its direction in degrees. */
  tip: Point;
  angle: number;
  middle: Point;
}

const GAP = 4;

/**
 * A smooth line through the points, from the rim of one disc to that of the other; what calls itself gets a loop. `down` is for a map
 * whose layers lie below one another: the same with the axes changed.
 */
export function edgePath(points: readonly Point[], radii: [number, number], loop: boolean, down = false): EdgePath {
  if (loop) return loopPath(points[0], radii[0]);
  const turn = ({ x, y }: Point): Point => (down ? { x: y, y: x } : { x, y });
  const along = points.map(turn);
  const last = along.length - 1;
  // Discs are left and met from the side; where a line runs backwards or within a column, straight towards the other end.
  const start = rim(along[0], along[1], radii[0] + GAP);
  const end = rim(along[last], along[last - 1], radii[1] + GAP);
  const line = [start, ...along.slice(1, -1), end];
  const before = line[line.length - 2];
  const angle = Math.abs(end.x - before.x) < 1 ? Math.sign(end.y - before.y) * 90 : end.x > before.x ? 0 : 180;
  const at = Math.floor((line.length - 1) / 2);
  return {
    path: `M${text(turn(start))} ${line.slice(1).map((to, i) => curve(line[i], to, turn)).join(" ")}`,
    tip: turn(end),
    angle: down ? 90 - angle : angle,
    middle: turn({ x: (line[at].x + line[at + 1].x) / 2, y: (line[at].y + line[at + 1].y) / 2 }),
  };
}

function rim(from: Point, towards: Point, radius: number): Point {
  const across = towards.x - from.x;
  if (Math.abs(across) < 1) return { x: from.x, y: from.y + Math.sign(towards.y - from.y) * radius };
  return { x: from.x + Math.sign(across) * radius, y: from.y };
}

function curve(from: Point, to: Point, turn: (point: Point) => Point): string {
  if (Math.abs(to.x - from.x) < 1) return `L${text(turn(to))}`;
  const half = (from.x + to.x) / 2;
  return `C${text(turn({ x: half, y: from.y }))} ${text(turn({ x: half, y: to.y }))} ${text(turn(to))}`;
}

function loopPath({ x, y }: Point, radius: number): EdgePath {
  const top = y - radius - GAP;
  return {
    path: `M${text({ x: x - 8, y: top })} C${text({ x: x - 34, y: top - 34 })} ${text({ x: x + 34, y: top - 34 })} ${text({ x: x + 8, y: top })}`,
    tip: { x: x + 8, y: top },
    angle: 120,
    middle: { x, y: top - 24 },
  };
}

const text = ({ x, y }: Point) => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** The nearest in a direction; what is aside counts as farther. The same one, when there is none. */
export function nearest(nodes: ReadonlyMap<string, Point>, from: string, direction: Point): string {
  const here = nodes.get(from);
  if (!here) return from;
  let best = from;
  let least = Infinity;
  for (const [name, at] of nodes) {
    const ahead = (at.x - here.x) * direction.x + (at.y - here.y) * direction.y;
    const aside = Math.abs((at.x - here.x) * direction.y) + Math.abs((at.y - here.y) * direction.x);
    const distance = ahead + 2 * aside;
    if (name === from || ahead <= 1 || distance >= least) continue;
    [best, least] = [name, distance];
  }
  return best;
}
