// The icons, drawn here: strokes on a 20 × 20 grid.

const PATHS = {
  overview: "M3 3h6v8H3zM11 3h6v5h-6zM11 10h6v7h-6zM3 13h6v4H3z",
  devices: "M5 4h10v10H5zM8 7h4v4H8zM7 1.5V4M13 1.5V4M7 14v3M13 14v3M2 7h3M2 11h3M15 7h3M15 11h3",
  alerts: "M10 2.5a5 5 0 0 1 5 5c0 4.5 2 5.5 2 6.500H3c0-1 2-2 2-6.500a5 5 0 0 1 5-5zM8 17a2.2 2.2 0 0 0 4 0",
  rules: "M3 5h7M14 5h3M3 10h2M9 10h8M3 15h9M16 15h1M12 3v4M7 8v4M14 13v4",
  plus: "M10 4v12M4 10h12",
  check: "M4 10.500l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  copy: "M7 7h9v10H7zM4 13V3h9",
  search: "M8.5 3a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM13 13l4 4",
  left: "M12 4l-6 6 6 6",
  right: "M8 4l6 6-6 6",
  down: "M5 8l5 5 5-5",
  sun: "M10 6.500a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM10 1.500v2M10 16.500v2M1.5 10h2M16.5 10h2M4 4l1.4 1.400M14.6 14.600L16 16M16 4l-1.4 1.400M5.4 14.600L4 16",
  moon: "M16.5 11.500A7 7 0 1 1 8.5 3.500a5.5 5.5 0 0 0 8 8z",
  auto: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 3v14M10 6h4M10 10h6.500M10 14h4",
  out: "M8 3H4v14h4M8 10h9M13.5 6.500L17 10l-3.5 3.5",
  pin: "M10 18s5.5-5.3 5.5-10a5.5 5.5 0 0 0-11 0C4.5 12.7 10 18 10 18zM10 6.200a1.9 1.9 0 1 1 0 3.8 1.9 1.9 0 0 1 0-3.800z",
  warning: "M10 2.800l7.7 13.700H2.300zM10 8v4M10 14.200v.3",
  box: "M3 6l7-3.500L17 6v8l-7 3.500L3 14zM3 6l7 3.500L17 6M10 9.500v8",
  bin: "M4 5.500h12M8 5.500V3h4v2.500M5.500 5.500l.7 11.500h7.600l.7-11.500M8.500 9v5M11.500 9v5",
  edit: "M4 16l.8-3.600L13 4.200l2.8 2.8-8.2 8.200z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width={size} height={size} aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="#1f5fd1" />
      <path d="M8 9.500h16v3.600H12v3h10v3.500H12V24H8z" fill="#fff" />
      <circle cx="24" cy="23" r="3" fill="#7be0b4" />
    </svg>
  );
}
