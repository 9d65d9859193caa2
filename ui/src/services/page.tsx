import { EmptyState } from '../components/empty-state.tsx';

export default function ServicesPage() {
  return (
    <EmptyState title="Services">
      <p>This page is not in this build.</p>
    </EmptyState>
  );
}
