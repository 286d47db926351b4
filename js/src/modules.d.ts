// Stylesheets are bundled by esbuild; to TypeScript they are imports with no value.
declare module "*.css";

// Tests read one as it is written.
declare module "*.css?raw" {
  const text: string;
  export default text;
}
