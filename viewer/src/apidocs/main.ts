/** The API page at /api/docs: the node's own OpenAPI document, readable without any other server. */
import '../ui/base.css';
import './apidocs.css';
import { operations, typeName, type Listed, type OpenApi, type Schema } from './openapi';

type Child = Node | string;

/** Builds an element; text goes in as text, so nothing in the document can become markup. */
function element(tag: string, className: string, ...children: Child[]): HTMLElement {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

function row(name: string, type: string, description: string): HTMLElement {
  return element('tr', '', element('td', 'name', name), element('td', 'type', type), element('td', '', description));
}

function table(rows: HTMLElement[]): HTMLElement[] {
  return rows.length === 0 ? [] : [element('table', '', element('tbody', '', ...rows))];
}

function bodyRows(name: string, content: Record<string, { schema?: Schema }> | undefined, description: string): HTMLElement[] {
  const kinds = Object.entries(content ?? {});
  if (kinds.length === 0) return [row(name, '', description)];
  return kinds.map(([media, { schema }]) => row(name, `${media} ${typeName(schema)}`.trim(), description));
}

function operationSection({ method, path, operation }: Listed): HTMLElement {
  const parameters = (operation.parameters ?? []).map((one) =>
    row(`${one.name}${one.required === true ? '*' : ''}`, `${one.in} ${typeName(one.schema)}`, one.description ?? ''),
  );
  const request = operation.requestBody === undefined ? [] : bodyRows('→', operation.requestBody.content, operation.requestBody.description ?? '');
  const responses = Object.entries(operation.responses ?? {}).flatMap(([status, answer]) =>
    bodyRows(status, answer.content, answer.description ?? ''),
  );
  return element(
    'details',
    'operation',
    element('summary', '', element('span', `method ${method}`, method.toUpperCase()), element('code', '', path), element('span', 'dim', operation.summary ?? '')),
    element('p', '', operation.description ?? ''),
    ...table([...parameters, ...request, ...responses]),
  );
}

function schemaSection([name, schema]: [string, Schema]): HTMLElement {
  const fields = Object.entries(schema.properties ?? {}).map(([field, inner]) =>
    row(`${field}${schema.required?.includes(field) === true ? '*' : ''}`, typeName(inner), inner.description ?? ''),
  );
  const shape = fields.length > 0 ? table(fields) : [element('p', 'type', typeName(schema))];
  return element('details', 'operation', element('summary', '', element('code', '', name)), element('p', '', schema.description ?? ''), ...shape);
}

function page(api: OpenApi): HTMLElement[] {
  return [
    element('h1', '', `${api.info.title} ${api.info.version}`),
    element('p', 'dim', api.info.description ?? ''),
    ...operations(api).map(operationSection),
    element('hr', ''),
    ...Object.entries(api.components?.schemas ?? {}).map(schemaSection),
  ];
}

document.documentElement.dataset['mantineColorScheme'] = 'dark';
const root = document.getElementById('root');
const answer = await fetch('/api/v1/openapi.json');
root?.replaceChildren(...(answer.ok ? page((await answer.json()) as OpenApi) : [element('p', '', `HTTP ${answer.status}`)]));
