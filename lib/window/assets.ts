import { buildPage } from './build.ts'

/** A file of the page. */
export interface Asset {
  readonly contentType: string
  readonly text: string
}

/**
 * The page's files, by name. From source they are built on demand; `npm run build` replaces this file by what it built.
 */
export async function pageAssets(): Promise<Record<string, Asset>> {
  return (await buildPage()).assets
}
