// One tab at a time.

const LEASE_MS = 10_000;
const SETTLE_MS = 40;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `work` while no other tab of this origin runs work of that name. */
export async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  // Browsers have locks on https and on localhost only.
  if (navigator.locks) return navigator.locks.request(name, work) as Promise<T>;
  return leased(name, work);
}

/** A lease in localStorage: written, and read again once every other writer has had its turn. */
async function leased<T>(name: string, work: () => Promise<T>): Promise<T> {
  const key = `${name}.lease`;
  const mine = `${Math.random()}`;
  while (true) {
    const [, until] = (localStorage.getItem(key) ?? "").split(" ");
    if (Number(until ?? 0) < Date.now()) {
      localStorage.setItem(key, `${mine} ${Date.now() + LEASE_MS}`);
      await pause(SETTLE_MS);
      if (localStorage.getItem(key)?.startsWith(`${mine} `)) break;
    }
    await pause(SETTLE_MS * (1 + Math.random()));
  }
  try {
    return await work();
  } finally {
    localStorage.removeItem(key);
  }
}
