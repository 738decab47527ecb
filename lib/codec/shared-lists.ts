// Lists that come of one literal share its places in V8, and so do copies of them, until somebody writes to one: so a list of one
// value that took one byte on the wire is a copy of one of these, which costs no places of its own.

// biome-ignore format: sixteen to a line.
const NUMBERS: unknown[][] = [
  [0], [1], [2], [3], [4], [5], [6], [7], [8], [9], [10], [11], [12], [13], [14], [15],
  [16], [17], [18], [19], [20], [21], [22], [23], [24], [25], [26], [27], [28], [29], [30], [31],
  [32], [33], [34], [35], [36], [37], [38], [39], [40], [41], [42], [43], [44], [45], [46], [47],
  [48], [49], [50], [51], [52], [53], [54], [55], [56], [57], [58], [59], [60], [61], [62], [63],
  [64], [65], [66], [67], [68], [69], [70], [71], [72], [73], [74], [75], [76], [77], [78], [79],
  [80], [81], [82], [83], [84], [85], [86], [87], [88], [89], [90], [91], [92], [93], [94], [95],
  [96], [97], [98], [99], [100], [101], [102], [103], [104], [105], [106], [107], [108], [109], [110], [111],
  [112], [113], [114], [115], [116], [117], [118], [119], [120], [121], [122], [123], [124], [125], [126], [127],
]
// biome-ignore format: sixteen to a line.
const BIGINTS: unknown[][] = [
  [0n], [1n], [2n], [3n], [4n], [5n], [6n], [7n], [8n], [9n], [10n], [11n], [12n], [13n], [14n], [15n],
  [16n], [17n], [18n], [19n], [20n], [21n], [22n], [23n], [24n], [25n], [26n], [27n], [28n], [29n], [30n], [31n],
  [32n], [33n], [34n], [35n], [36n], [37n], [38n], [39n], [40n], [41n], [42n], [43n], [44n], [45n], [46n], [47n],
  [48n], [49n], [50n], [51n], [52n], [53n], [54n], [55n], [56n], [57n], [58n], [59n], [60n], [61n], [62n], [63n],
  [64n], [65n], [66n], [67n], [68n], [69n], [70n], [71n], [72n], [73n], [74n], [75n], [76n], [77n], [78n], [79n],
  [80n], [81n], [82n], [83n], [84n], [85n], [86n], [87n], [88n], [89n], [90n], [91n], [92n], [93n], [94n], [95n],
  [96n], [97n], [98n], [99n], [100n], [101n], [102n], [103n], [104n], [105n], [106n], [107n], [108n], [109n], [110n], [111n],
  [112n], [113n], [114n], [115n], [116n], [117n], [118n], [119n], [120n], [121n], [122n], [123n], [124n], [125n], [126n], [127n],
]
const NO: unknown[] = [false]
const YES: unknown[] = [true]
const NO_TEXT: unknown[] = ['']

/** The list to copy for a value, if there may be one: it holds the value, or another of the same low bits. */
export function shared(value: unknown): unknown[] | undefined {
  if (typeof value === 'number') return NUMBERS[value & 127]
  if (typeof value === 'bigint') return BIGINTS[Number(BigInt.asUintN(7, value))]
  if (typeof value === 'boolean') return value ? YES : NO
  return value === '' ? NO_TEXT : undefined
}
