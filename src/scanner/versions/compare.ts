/**
 * The order of two versions in one scheme: below 0, 0, above 0; null: they cannot be compared, and so nothing can be told. One file for each
 * scheme beside this one; never throws.
 */
export type Compare = (a: string, b: string) => number | null
