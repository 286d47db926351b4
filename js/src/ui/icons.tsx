// Icons drawn on the spot: the fonts of a page may lack their signs.
export function FullScreenIcon() {
  return (
    <svg class="tw-svg-icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4" />
    </svg>
  );
}
