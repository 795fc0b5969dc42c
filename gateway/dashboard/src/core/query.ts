// Something asked for over REST, for as long as a component shows it.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Asked<T> {
  /** What was last answered; kept while the next answer is on its way. */
  data: T | undefined;
  error: unknown;
  loading: boolean;
  /** Whether `data` answers this question, and not the one before. */
  current: boolean;
  again: () => void;
  change: (next: (data: T) => T) => void;
}

interface State<T> {
  key: string | null;
  data: T | undefined;
  error: unknown;
  loading: boolean;
}

/** `key` null: nothing is asked. An answer that comes after a newer question is dropped. */
export function useAsked<T>(key: string | null, ask: (signal: AbortSignal) => Promise<T>): Asked<T> {
  const [state, setState] = useState<State<T>>({ key: null, data: undefined, error: undefined, loading: key !== null });
  const [round, setRound] = useState(0);
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => {
    if (key === null) return;
    const ending = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    asking.current(ending.signal).then(
      (data) => {
        if (!ending.signal.aborted) setState({ key, data, error: undefined, loading: false });
      },
      (error: unknown) => {
        if (!ending.signal.aborted) setState((before) => ({ ...before, error, loading: false }));
      },
    );
    return () => ending.abort();
  }, [key, round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  const change = useCallback(
    (next: (data: T) => T) =>
      setState((before) => (before.data === undefined ? before : { ...before, data: next(before.data) })),
    [],
  );
  return { ...state, current: state.key === key, again, change };
}

/** Calls `act` when `delay` ms have passed without another call; never after the component is gone. */
export function useDebounced<A extends unknown[]>(act: (...given: A) => void, delay: number): (...given: A) => void {
  const timer = useRef<number | undefined>(undefined);
  const acting = useRef(act);
  acting.current = act;
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return useCallback(
    (...given: A) => {
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(() => acting.current(...given), delay);
    },
    [delay],
  );
}
