/** The table of hanging protocols: for which studies, and what hangs where. The first that fits is taken. */
import type { PresetName } from './presets';
import type { Layout, Links } from './hanging';

export interface Cell {
  of: 'current' | 'prior';
  /** Words in the series' description; without a match the first series. */
  like?: RegExp;
  preset?: PresetName;
}

export interface Protocol {
  name: string;
  modalities: readonly string[];
  bodyPart?: RegExp;
  /** Whether there has to be an earlier study of the kind. */
  withPrior: boolean;
  /** Series of the current study that have to be there, each another one. */
  series?: readonly RegExp[];
  layout: Layout;
  cells: readonly Cell[];
  links: Links;
}

const both: Links = { scroll: true, look: true };
const scroll: Links = { scroll: true, look: false };
export const unlinked: Links = { scroll: false, look: false };

const chest = /CHEST|THORAX|LUNG|胸|肺/i;
const spine = /SPINE|CERVICAL|LUMBAR|SACR|VERTEBRA|脊|颈椎|胸椎|腰椎|骶/i;
/** The bony head: what matters is in the bone. */
const face = /SINUS|TEMPORAL|MASTOID|ORBIT|FACIAL|\bFACE\b|MAXILL|MANDIB|鼻窦|鼻骨|颞骨|乳突|眼眶|颌/i;
const head = /HEAD|BRAIN|SKULL|CRANI|头|颅|脑/i;
const abdomen = /ABDOM|LIVER|PANCREA|KIDNEY|PELVI|UROGRA|腹|肝|胰|肾|盆/i;
const joint = /KNEE|SHOULDER|ANKLE|WRIST|ELBOW|\bHIP\b|\bFOOT\b|\bHAND\b|膝|肩|踝|腕|肘|髋|足部|手部/i;

const lung = /LUNG|肺/i;
const soft = /MEDIAST|SOFT|STANDARD|纵隔|软组织/i;
const bone = /BONE|OSSE|骨/i;
const brain = /^(?!.*(BONE|OSSE|骨)).*(BRAIN|SOFT|STANDARD|HEAD|脑|软组织|标准|平扫)/i;
const notBone = /^(?!.*(BONE|OSSE|骨))/i;
const plain = /PLAIN|NON.?CON|WITHOUT|平扫/i;
const arterial = /ARTER|动脉/i;
const portal = /PORTAL|VENOUS|静脉|门脉/i;
const delayed = /DELAY|延迟|平衡/i;
const t1 = /T1/i;
const flair = /^(?!.*T1).*(FLAIR|黑水)/i;
const t2 = /^(?!.*(FLAIR|黑水|\*|STAR)).*T2/i;
const diffusion = /^(?!.*ADC).*(DWI|DIFF|弥散|扩散)/i;
const sagittal = /SAG|矢状/i;
const coronal = /COR\b|COR_|CORON|冠状/i;
const sagittalT2 = /^(?=.*(SAG|矢状)).*T2/i;
const transverseT2 = /^(?=.*(TRA|AX|横断|轴位)).*T2/i;

const now = (like: RegExp | undefined, preset?: PresetName): Cell => ({ of: 'current', ...(like === undefined ? {} : { like }), ...(preset === undefined ? {} : { preset }) });
/** A series beside what is most like it in the prior. */
const compared = (like?: RegExp, preset?: PresetName): Cell[] => [now(like, preset), { ...now(like, preset), of: 'prior' }];

const row = (
  name: string,
  modalities: readonly string[],
  layout: Layout,
  cells: readonly Cell[],
  links: Links,
  more: Partial<Pick<Protocol, 'bodyPart' | 'series'>> = {},
): Protocol => ({ name, modalities, layout, cells, links, ...more, withPrior: cells.some(({ of }) => of === 'prior') });

const ct = ['CT'];
const mr = ['MR'];

export const protocols: readonly Protocol[] = [
  row('spine-ct-prior', ct, '1x2', compared(undefined, 'bone'), both, { bodyPart: spine }),
  row('spine-ct', ct, '1x2', [now(bone, 'bone'), now(notBone, 'spine')], scroll, { bodyPart: spine }),
  row('chest-ct-prior-kernels', ct, '2x2', [...compared(lung, 'lung'), ...compared(soft, 'mediastinum')], scroll, { bodyPart: chest, series: [lung, soft] }),
  row('chest-ct-kernels', ct, '1x2', [now(lung, 'lung'), now(soft, 'mediastinum')], scroll, { bodyPart: chest, series: [lung, soft] }),
  row('face-ct-prior', ct, '1x2', compared(bone, 'bone'), both, { bodyPart: face }),
  row('face-ct', ct, '1x2', [now(bone, 'bone'), now(notBone, 'mediastinum')], scroll, { bodyPart: face }),
  row('head-ct-prior', ct, '1x2', compared(brain, 'brain'), both, { bodyPart: head }),
  row('head-ct', ct, '1x2', [now(brain, 'brain'), now(bone, 'bone')], scroll, { bodyPart: head }),
  row('abdomen-ct-prior-phases', ct, '2x2', [...compared(arterial, 'abdomen'), ...compared(portal, 'abdomen')], both, { bodyPart: abdomen, series: [arterial, portal] }),
  row('abdomen-ct-prior', ct, '1x2', compared(portal, 'abdomen'), both, { bodyPart: abdomen }),
  row('abdomen-ct-phases', ct, '2x2', [plain, arterial, portal, delayed].map((like) => now(like, 'abdomen')), both, { bodyPart: abdomen, series: [plain, arterial, portal, delayed] }),
  row('abdomen-ct-two-phases', ct, '1x2', [now(arterial, 'abdomen'), now(portal, 'abdomen')], both, { bodyPart: abdomen, series: [arterial, portal] }),
  row('abdomen-ct', ct, '1x1', [now(undefined, 'abdomen')], unlinked, { bodyPart: abdomen }),
  row('brain-mr-prior', mr, '2x2', [...compared(t2), ...compared(flair)], scroll, { bodyPart: head, series: [t2, flair] }),
  row('mr-prior', mr, '1x2', compared(t2), both),
  row('brain-mr', mr, '2x2', [now(t2), now(flair), now(diffusion), now(t1)], scroll, { bodyPart: head, series: [t1, t2, flair, diffusion] }),
  row('spine-mr', mr, '1x2', [now(sagittalT2), now(transverseT2)], unlinked, { bodyPart: spine, series: [sagittalT2, transverseT2] }),
  row('joint-mr', mr, '1x2', [now(sagittal), now(coronal)], unlinked, { bodyPart: joint, series: [sagittal, coronal] }),
  row('mr-t1-t2', mr, '1x2', [now(t1), now(t2)], scroll, { series: [t1, t2] }),
  row('sections-prior', ['CT', 'PT', 'NM'], '1x2', compared(), both),
  row('radiograph-prior', ['CR', 'DX'], '1x2', compared(), unlinked),
  row('one', [], '1x1', [now(undefined)], unlinked),
];
