/** A row of tabs; ←→ move between them. The panel below carries `id={panelId}` and `role="tabpanel"`. */
export interface TabsProps<Name extends string> {
  readonly label: string;
  readonly tabs: readonly { readonly name: Name; readonly label: string }[];
  readonly selected: Name;
  readonly select: (name: Name) => void;
  readonly panelId: string;
}

export function Tabs<Name extends string>({ label, tabs, selected, select, panelId }: TabsProps<Name>) {
  const onKeyDown = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const at = tabs.findIndex((tab) => tab.name === selected);
    const next = (at + step + tabs.length) % tabs.length;
    select(tabs[next]!.name);
    (event.currentTarget.children[next] as HTMLElement).focus();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} tabIndex={-1} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button
          key={tab.name}
          type="button"
          role="tab"
          class="tab"
          aria-selected={tab.name === selected}
          aria-controls={panelId}
          tabIndex={tab.name === selected ? 0 : -1}
          onClick={() => select(tab.name)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}
