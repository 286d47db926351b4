import type { Plugin } from "vitest/config";

export function scan(root: string, pattern: string): string[];
export function source(root: string, pattern: string): string;
export const viteScan: Plugin;
