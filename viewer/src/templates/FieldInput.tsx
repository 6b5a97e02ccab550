/** One field of a template. By keyboard: Tab goes on, arrows and digits choose, Delete takes a choice back. */
import { NativeSelect, Text, TextInput } from '@mantine/core';
import { useId, useRef, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Choice, TemplateField } from './api';
import { isAcceptable } from './fill';
import classes from './Templates.module.css';
import { useWords } from './useTemplates';

interface Props {
  field: TemplateField;
  values: readonly string[];
  onChange: (values: readonly string[]) => void;
}

/** More than these are chosen from a list. */
const besideEachOther_max = 9;

export function FieldInput({ field, values, onChange }: Props) {
  const { t } = useTranslation();
  const word = useWords();
  const label = word(field.label);
  const value = values[0] ?? '';
  if (field.kind === 'text' || field.kind === 'number') {
    const isWrong = !isAcceptable(field, values);
    const bounds = t('templates.bounds', { min: field.min ?? '', max: field.max ?? '', unit: field.unit, decimals: field.decimals });
    return (
      <TextInput
        label={label}
        withAsterisk={field.required}
        aria-required={field.required}
        className={field.kind === 'number' ? classes.number : classes.wide}
        inputMode={field.kind === 'number' ? 'decimal' : 'text'}
        autoComplete="off"
        value={value}
        error={isWrong ? bounds : undefined}
        rightSection={field.unit === '' ? undefined : <Text size="xs" c="dimmed">{field.unit}</Text>}
        rightSectionWidth={field.unit.length > 2 ? 48 : 36}
        onChange={(event) => onChange(event.currentTarget.value === '' ? [] : [event.currentTarget.value])}
      />
    );
  }
  if (field.kind === 'choice' && (field.choices?.length ?? 0) > besideEachOther_max) {
    return (
      <NativeSelect
        label={label}
        withAsterisk={field.required}
        className={classes.wide}
        value={value}
        data={[{ value: '', label: '' }, ...(field.choices ?? []).map((choice) => ({ value: choice.code, label: word(choice) }))]}
        onChange={(event) => onChange(event.currentTarget.value === '' ? [] : [event.currentTarget.value])}
      />
    );
  }
  const choices: readonly Choice[] =
    field.kind === 'yes_no'
      ? [
          { code: 'yes', zh: t('common.yes'), en: t('common.yes') },
          { code: 'no', zh: t('common.no'), en: t('common.no') },
        ]
      : (field.choices ?? []);
  return <Choices field={field} label={label} choices={choices} values={values} onChange={onChange} />;
}

function Choices({ field, label, choices, values, onChange }: Props & { label: string; choices: readonly Choice[] }) {
  const word = useWords();
  const name = useId();
  const group = useRef<HTMLDivElement>(null);
  const isMany = field.kind === 'multi_choice';

  const choose = (code: string) => {
    if (!isMany) onChange([code]);
    else onChange(choices.map((choice) => choice.code).filter((one) => (one === code ? !values.includes(one) : values.includes(one))));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const digit = /^[1-9]$/.test(event.key) ? choices[Number(event.key) - 1] : undefined;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (digit !== undefined) {
      choose(digit.code);
      // The Tab key goes on from what is chosen.
      group.current?.querySelectorAll('input')[choices.indexOf(digit)]?.focus();
    } else if (event.key === 'Delete' || event.key === 'Backspace') onChange([]);
    else if (isMany && (event.key === 'ArrowRight' || event.key === 'ArrowLeft')) {
      const inputs = [...(group.current?.querySelectorAll('input') ?? [])];
      const at = inputs.indexOf(event.target as HTMLInputElement);
      inputs[at + (event.key === 'ArrowRight' ? 1 : -1)]?.focus();
    } else return;
    event.preventDefault();
  };
  return (
    <div
      ref={group}
      className={classes.wide}
      role={isMany ? 'group' : 'radiogroup'}
      aria-label={label}
      aria-required={isMany ? undefined : field.required}
      onKeyDown={onKeyDown}
    >
      <Text component="span" size="sm" fw={600} aria-hidden>
        {label}
        {field.required && <span className={classes.asterisk}> *</span>}
      </Text>
      <div className={classes.choices}>
        {choices.map((choice, index) => (
          <label key={choice.code} className={classes.choice} data-chosen={values.includes(choice.code) || undefined}>
            <input
              type={isMany ? 'checkbox' : 'radio'}
              name={name}
              className={classes.hidden}
              checked={values.includes(choice.code)}
              // Several are one stop of the Tab key, as the radio buttons are: arrows and digits go on.
              tabIndex={isMany && index > 0 ? -1 : 0}
              onChange={() => choose(choice.code)}
            />
            <span className={classes.digit} aria-hidden>
              {index + 1}
            </span>
            {word(choice)}
          </label>
        ))}
      </div>
    </div>
  );
}
