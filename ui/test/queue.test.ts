import { expect, test } from "vitest";
import { queue } from "../src/lib/queue";

const never = new AbortController().signal;

test("no more than allowed run at once, and all run", async () => {
  const run = queue(2);
  let now = 0;
  let most = 0;
  const done = await Promise.all(
    [1, 2, 3, 4, 5].map((i) =>
      run(never, async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setTimeout(resolve, 1));
        now -= 1;
        return i;
      }),
    ),
  );
  expect(done).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

test("what fails or was aborted makes room for the next", async () => {
  const run = queue(1);
  const abort = new AbortController();
  const failing = run(never, () => Promise.reject(new Error("no")));
  const aborted = run(abort.signal, async () => "must not run");
  const last = run(never, async () => "ran");
  abort.abort();
  await expect(failing).rejects.toThrow("no");
  await expect(aborted).rejects.toThrow();
  expect(await last).toBe("ran");
});
