/** Icons as strokes of the text's colour, drawn on a grid of 16. Decoration: the control names itself. */
const paths = {
  diamond: 'M8 1.5 14.5 8 8 14.5 1.5 8zM5.2 6.8h3.6M7.2 9.2h3.6',
  down: 'm4 6 4 4 4-4',
  up: 'm4 10 4-4 4 4',
  close: 'm4 4 8 8m0-8-8 8',
  refresh: 'M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3',
  live: 'M8 8h.01M5.2 10.8a4 4 0 0 1 0-5.6m5.6 0a4 4 0 0 1 0 5.6M3.1 12.9a7 7 0 0 1 0-9.8m9.8 0a7 7 0 0 1 0 9.8',
  theme: 'M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12',
  clock: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zm0 3v3l2 1.5',
  plus: 'M8 3.5v9M3.5 8h9',
  star: 'm8 2 1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.4l-3.7 2.1.8-4.2L2 6.4l4.2-.5z',
  copy: 'M6 6h7v7H6zM3 10V3h7',
  check: 'm3.5 8.5 3 3 6-7',
  keyboard: 'M2 4.5h12v7H2zM4.5 9.5h7M4.5 7h.01M7 7h.01M9.5 7h.01M11.5 7h.01',
} as const;

export function Icon({ name }: { readonly name: keyof typeof paths }) {
  return (
    <svg
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.4"
      stroke-linecap="round"
      aria-hidden="true"
    >
      <path d={paths[name]} stroke-linejoin="round" />
    </svg>
  );
}
