// Stylesheets are bundled by esbuild; to TypeScript they are imports with no value.
declare module "*.css";
